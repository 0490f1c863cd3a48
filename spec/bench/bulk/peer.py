# The same jobs in Python, with what comes with it: http.client, json, csv.
#
#   python3 peer.py import|export URL - ROWS FILE
import csv
import http.client
import json
import sys
from urllib.parse import urlsplit

job, url, rows, path = sys.argv[1], sys.argv[2], int(sys.argv[4]), sys.argv[5]
connection = http.client.HTTPConnection(urlsplit(url).netloc)
HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "Authorization": "Bearer YXBpX3VzZXI6YXBpX2tleQ==",
}


def post(target, body):
    connection.request("POST", target, body.encode(), HEADERS)
    response = connection.getresponse()
    data = response.read()
    assert response.status == 200
    return json.loads(data)


def send(members):
    answer = post("/marketing/lists/members", json.dumps(
        {"members": members, "tagFlag": 1, "updateExisting": True}, ensure_ascii=False))
    return len(answer["insertedMembers"])


done = 0
if job == "import":
    members = []
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            member = {"email": row.pop("email")}
            for name in ("phone", "name"):
                value = row.pop(name)
                if value:
                    member[name] = value
            member["tags"] = [tag for tag in row.pop("tags").split(";") if tag]
            member["fields"] = {name: value for name, value in row.items() if value}
            members.append(member)
            if len(members) == 1000:
                done += send(members)
                members = []
            if done + len(members) >= rows:
                break
    if members:
        done += send(members)
else:
    fields = ["Birthday", "Age", "Gender", "City"]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["email", "phone", "name", "tags"] + fields)
        for offset in range(0, rows, 100):
            page = post(f"/marketing/lists/listMembers?offset={offset}&count=100", "{}")
            for member in page["list"]:
                writer.writerow([member["email"], member["phone"] or "", member["name"],
                                 ";".join(member["tagNames"])]
                                + [member["fields"].get(name, "") for name in fields])
                done += 1
assert done == rows, done
